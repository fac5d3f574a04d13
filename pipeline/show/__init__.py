"""Show results to the user: numbers as text, tables, explained verdicts and plots."""
