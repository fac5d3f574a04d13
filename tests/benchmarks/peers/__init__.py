"""Other forecasting libraries with the same network on the same series, each in a process of its own."""
