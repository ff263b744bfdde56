"""The officer's desk: pages for the browser, made by the server, in Chinese and English.

Every main action is a form that works without script: it is posted, done, and answered with a
redirect. The scripts only make it quicker. Nothing comes from another machine. `routes`
has them all.
"""
