"""What has happened since this process started, by name: `counts["sign_in_refused"] += 1`."""

from collections import Counter

counts: Counter[str] = Counter()
