"""The report as a page: one module and one template per section."""
