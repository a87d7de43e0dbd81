"""The Streamlit app. It holds no logic: everything goes through `curation.review`."""
