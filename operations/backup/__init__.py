"""Copies of a whole site, database and files, and the way back.

    manage.py backup DIR | FILE.tar        while the site runs
    manage.py restore DIR | FILE.tar       into an empty site

Theory of operation. Files never change, and one that a row names is not deleted within an hour of being written. So all
files are copied first, which may take long; then the database in one snapshot, which is short; then the files that
the snapshot names and the first pass had not seen. Whatever the snapshot names is thus in the backup. The manifest is
written last and the whole renamed then: what is called by its name is whole. A backup that was broken off is called
`….partial` and is taken up where it ended, when the same command is given again.

A restore copies the files first, each checked by its digest, and puts the database in place last, by one rename or in
one transaction. Broken off before that, the site is still empty; the same command again goes on.
"""
