"""Checks that a forked worker can run ops; otherwise jobs get a fresh process."""

from __future__ import annotations

import tensorflow as tf


def run_an_op() -> None:
    """Run an eager op and a session; both hang in a fork of a process that has run one."""
    if int(tf.constant(1) + tf.constant(2)) != 3:
        raise RuntimeError("eager addition is wrong")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        if session.run(tf.constant(1) + tf.constant(2)) != 3:
            raise RuntimeError("addition in a session is wrong")
