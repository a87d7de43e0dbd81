"""What is told of built releases: whether one is what its manifest says, and what differs between two."""
