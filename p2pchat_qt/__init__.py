"""The desktop client of DChat: a window on `p2pchat.portal`, and on nothing else of the library.

session       the client's life, its events and every call
models/       lists for the window, folded from plain values; they know no page, never wait
viewmodels/   what a page can do; each verb is a job that ends with its page
qml/          what is seen
"""
