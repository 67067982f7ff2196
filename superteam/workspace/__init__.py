"""The user's repository and the trees made from it."""
