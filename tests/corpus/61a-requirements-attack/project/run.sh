#!/bin/sh
echo SETUP-CODE-RAN
