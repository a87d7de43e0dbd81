"""What reviewers' events come to: how a turn stands, and every decision as a vote."""
