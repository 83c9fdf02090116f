"""The API as a whole: its addresses, its problems, its schema. Endpoints are in their rooms."""
