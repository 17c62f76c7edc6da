"""What other services push to us: signed, outside the pages' forms and the API's tokens."""
