print(
    '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": ' + "[" * 1_000_000 + "]" * 1_000_000 + "}"
)
