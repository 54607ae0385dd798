#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every case file of this folder (see cases.c).
exec "${B:?}/tests/resolve/cases" tests/resolve/*.case
