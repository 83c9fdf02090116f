"""Pages of the technical administrator: journal of the exchanges, calls and state of the services."""
