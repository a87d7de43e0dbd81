"""What only this server can have written: addresses of images, and the names in cookies."""

import base64
import hmac
import json
import secrets
import time

from schemas.sample import ImageRef


class Signer:
    """Signs with a secret of its own, which ends with the server."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def sign(self, text: str) -> str:
        """Return the signature of a text: 128 bits in 32 hex digits."""
        return hmac.digest(self._secret, text.encode(), "sha256").hex()[:32]

    def is_signed(self, text: str, signature: str) -> bool:
        """Tell whether this server signed the text."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())

    def image_url(self, ref: ImageRef) -> str:
        """Return where this server shows the image, to whoever was given the address."""
        name = f"{ref.digest.removeprefix('sha256:')}.{ref.mime.removeprefix('image/')}"
        return f"/images/{name}?k={self.sign(name)}"

    def pass_for(self, name: str, seconds: float) -> str:
        """Return a cookie's value that lets a reviewer in for a while."""
        text = base64.urlsafe_b64encode(json.dumps([name, time.time() + seconds]).encode()).decode()
        return f"{text}.{self.sign(text)}"

    def name_in(self, value: str) -> str | None:
        """Return the reviewer whom a cookie's value lets in, None where it lets nobody in."""
        text, _, signature = value.partition(".")
        if not self.is_signed(text, signature):
            return None
        name, until = json.loads(base64.urlsafe_b64decode(text))
        return name if time.time() < until else None
