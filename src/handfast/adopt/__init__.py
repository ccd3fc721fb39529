"""Taking over an application that was written by hand: `handfast adopt`.

`sight` is what an application shows of itself, `matching` joins it with a contract, `departures` holds the
two against each other through `handfast.diff`, `report` says what is served by whom. Nothing here imports
the application: that is done in a process of its own (`handfast.cli.looking`).
"""
