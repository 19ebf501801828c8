"""What an operator sees of a running relay: metrics, health and status over HTTP.

`status` is the value and the verdict, `metrics` and `status` its two written forms, `http` the
small server that hands them out. It reads and changes nothing.
"""
