" SPDX-License-Identifier: GPL-2.0-or-later
" bash, and the names that "jobuild completion --names" prints.
if exists('b:current_syntax')
	finish
endif
let b:is_bash = 1
runtime! syntax/sh.vim
unlet! b:current_syntax

syn keyword jobuildPhase job_setup job_unpack job_run job_collect
	\ containedin=ALLBUT,shComment,@shDblQuoteList
syn keyword jobuildHelper artifact default die eapply ebegin edo eend eerror
	\ einfo einfon elog emake eqawarn ewarn has nonfatal pipestatus result
	\ retry skip super unpack ver_cut ver_rs ver_test
syn keyword jobuildVariable ARCH BLOCKS DEPEND DESCRIPTION EXTENDS HOMEPAGE
	\ LOCKS PORTCONF_URI PROPERTIES REQUIRES RESOURCES SIDEPEND SRC_URI STAGE
	\ contained containedin=shVariable,shDerefSimple,shDerefVar,shDeref
syn keyword jobuildPredefined FILESDIR JOBUSER P PN PV
	\ contained containedin=shVariable,shDerefSimple,shDerefVar,shDeref
syn keyword jobuildPhaseOnly A ARTIFACTS DISTDIR JOBS JOB_ID PHASE S T WORKDIR
	\ contained containedin=shVariable,shDerefSimple,shDerefVar,shDeref
syn cluster shCommandSubList add=jobuildHelper
syn cluster shFunctionList add=jobuildHelper
syn cluster shIfList add=jobuildHelper
syn cluster shLoopList add=jobuildHelper
syn cluster shCaseList add=jobuildHelper
syn cluster shSubShList add=jobuildHelper

hi def link jobuildPhase Function
hi def link jobuildHelper Statement
hi def link jobuildVariable Type
hi def link jobuildPredefined Constant
hi def link jobuildPhaseOnly Constant

let b:current_syntax = 'jobuild'
