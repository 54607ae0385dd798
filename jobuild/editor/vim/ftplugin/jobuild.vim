" SPDX-License-Identifier: GPL-2.0-or-later
" Jobuilds and templates: :make lints the package that the file is in.
if exists('b:did_ftplugin')
	finish
endif
let b:did_ftplugin = 1

setlocal commentstring=#\ %s comments=b:#
setlocal noexpandtab tabstop=8 shiftwidth=8

" Places count from the top of the tree, which is told first.
let &l:makeprg = '(echo "tree: $(git -C %:p:h:S rev-parse --show-toplevel)"; '
	\ . 'jobuild -C %:p:h:S --color never -q lint .)'
let &l:errorformat = '%Dtree: %f,%f:%l:%c: %trror: %m,%f:%l:%c: %tarning: %m,'
	\ . '%f:%l:%c: %tote: %m,%f: %trror: %m,%f: %tarning: %m,%-G%.%#'

let b:undo_ftplugin = 'setlocal commentstring< comments< expandtab<'
	\ . ' tabstop< shiftwidth< makeprg< errorformat<'
