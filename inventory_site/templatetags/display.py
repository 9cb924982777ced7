"""How figures look on screen: quantities, money, estimates, status dots and Go-To links. A template builtin."""

from django import template

register = template.Library()
