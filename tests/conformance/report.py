"""The table."""

ROWS = []


def row(test, kind, wanted, measured, good):
    ROWS.append((test, kind, wanted, measured, good))
    print(f"  {test:34} {kind:10} {wanted:22} {measured:34} {'ok' if good else 'MISSED'}", flush=True)
