"""Stage report: tables and pages for people. The only stage, besides tests, that reads the truth."""
