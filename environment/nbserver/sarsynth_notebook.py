"""An extension of the classic notebook's server that ./sarsynth lab loads: its loop does not fall asleep."""
from tornado.ioloop import PeriodicCallback

# Debian 13 (notebook 6.4.13, pyzmq 26): a kernel's answer completes a future without waking the server's loop, so that
# a page says "busy" until something else asks the server for anything. Python's own kernel waits just so.
MILLISECONDS = 100


def load_jupyter_server_extension(app):
    PeriodicCallback(lambda: None, MILLISECONDS).start()
