"""The command line: a fixed interface, through which others check the product."""
