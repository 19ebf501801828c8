"""Networks far larger than one machine could run, made of the product's own machines.

`swarm` carries Kademlia machines, `crowd` gossip routers: light event loops in virtual time,
without streams and codecs, since this is about the algorithms. `dht` and `rooms` measure, and
`__main__` writes `docs/simulation.md`. One seed gives the same figures in every process.
"""
