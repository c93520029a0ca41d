"""The HTTP interface as tables: what is asked, and what has to be answered."""
