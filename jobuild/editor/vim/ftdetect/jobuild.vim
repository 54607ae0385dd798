" SPDX-License-Identifier: GPL-2.0-or-later
autocmd BufRead,BufNewFile *.jobuild setfiletype jobuild
autocmd BufRead,BufNewFile *-[0-9]*.[0-9]*.template setfiletype jobuild
