"""From a download to what may be stored of it: what to ask for, what to believe, what has changed."""
