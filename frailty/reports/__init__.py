"""What people open: tables for researchers, pages and worklists for teams. Decides nothing."""
