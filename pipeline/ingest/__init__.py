"""From a download to the changes that are stored: what to ask for, what to accept, what has changed."""
