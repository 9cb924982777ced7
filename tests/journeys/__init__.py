"""Ways through the whole product, as a person goes them."""
