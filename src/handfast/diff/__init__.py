"""What changed between two contracts, and whom it hurts: `handfast diff`.

`read → contracts → compare → report`: a pure core between two edges. What was accepted in requests must still
be; what may arrive in responses must have been possible before. Whether that holds is decided by
subsumption of schemas (`relation`), and the words come from a catalogue of named rules (`catalogue`).
"""
