"""Codes that people read from a board or a note and type, and tickets and cookies that only programs see."""

import hashlib
import secrets

LETTERS = "23456789BCDFGHJKMNPQRSTVWXYZ"
"""None that look alike, and no vowels, so that no code is a word."""
CLASS, PERSONAL = 8, 10  # letters: 3.8e11 and 3.0e14 codes


def new_code(letters: int) -> str:
    """A random code of so many letters."""
    return "".join(secrets.choice(LETTERS) for _ in range(letters))


def typed_code(text: str) -> str:
    """A code as it is stored: small letters, spaces and dashes do not matter."""
    return "".join(letter for letter in text.upper() if letter.isalnum())[:80]


def shown_code(code: str) -> str:
    """A code as it is read most easily: K7M3-QXW9."""
    half = len(code) // 2
    return f"{code[:half]}-{code[half:]}"


def digest(secret: str) -> str:
    """What is stored of a cookie, a ticket or a personal code."""
    return hashlib.sha256(secret.encode()).hexdigest()
