;;; jobuild-mode.el --- recipes of AutotuA  -*- lexical-binding: t -*-
;; SPDX-License-Identifier: GPL-2.0-or-later

;;; Commentary:

;; Jobuilds and templates: `sh-mode' for bash with the names that
;; "jobuild completion --names" prints; `compile' and Flymake run
;; "jobuild lint" for the package that the file is in.

;;; Code:

(require 'sh-script)
(require 'flymake)

(defconst jobuild-phases
  '("job_setup" "job_unpack" "job_run" "job_collect"))

(defconst jobuild-helpers
  '("artifact" "default" "die" "eapply" "ebegin" "edo" "eend" "eerror" "einfo"
    "einfon" "elog" "emake" "eqawarn" "ewarn" "has" "nonfatal" "pipestatus"
    "result" "retry" "skip" "super" "unpack" "ver_cut" "ver_rs" "ver_test"))

(defconst jobuild-variables
  '("ARCH" "BLOCKS" "DEPEND" "DESCRIPTION" "EXTENDS" "HOMEPAGE" "LOCKS"
    "PORTCONF_URI" "PROPERTIES" "REQUIRES" "RESOURCES" "SIDEPEND" "SRC_URI"
    "STAGE"))

(defconst jobuild-predefined
  '("FILESDIR" "JOBUSER" "P" "PN" "PV"))

(defconst jobuild-phase-only
  '("A" "ARTIFACTS" "DISTDIR" "JOBS" "JOB_ID" "PHASE" "S" "T" "WORKDIR"))

(defconst jobuild-font-lock-keywords
  `((,(concat "^" (regexp-opt jobuild-phases t) "[ \t]*()")
     1 font-lock-function-name-face t)
    (,(concat "\\(?:^\\|[;&|({!]\\|\\_<\\(?:then\\|do\\|else\\|nonfatal\\)\\)"
              "[ \t]*" (regexp-opt jobuild-helpers t) "\\_>")
     1 font-lock-builtin-face)
    (,(concat "^" (regexp-opt jobuild-variables t) "\\+?=")
     1 font-lock-type-face t)
    (,(concat "\\${?"
              (regexp-opt (append jobuild-predefined jobuild-phase-only) t)
              "\\_>")
     1 font-lock-constant-face t))
  "Highlighting of recipes, besides that of bash.")

(defun jobuild--top ()
  "The top folder of the tree that this file is in."
  (let ((top (and buffer-file-name
                  (locate-dominating-file buffer-file-name ".git"))))
    (and top (file-name-as-directory (expand-file-name top)))))

(defun jobuild--package ()
  "USER/NAME of this file."
  (directory-file-name
   (file-relative-name (file-name-directory buffer-file-name) (jobuild--top))))

(defun jobuild-lint ()
  "Check this file's package with \"jobuild lint\"."
  (interactive)
  (let ((default-directory (jobuild--top)))
    (compile (concat "jobuild --color never -q lint "
                     (shell-quote-argument
                      (file-relative-name
                       (file-name-directory buffer-file-name)))))))

(defun jobuild--diagnostics (source output)
  "What OUTPUT of jobuild lint says about the file of buffer SOURCE."
  (let ((name (with-current-buffer source
                (file-relative-name buffer-file-name (jobuild--top))))
        found)
    (with-current-buffer output
      (goto-char (point-min))
      (while (re-search-forward
              (concat "^" (regexp-quote name)
                      ":\\([0-9]+\\):\\([0-9]+\\): \\(error\\|warning\\): "
                      "\\(.*\\)$")
              nil t)
        (let* ((line (string-to-number (match-string 1)))
               (col (string-to-number (match-string 2)))
               (type (if (string= (match-string 3) "error") :error :warning))
               (text (match-string 4))
               (region (flymake-diag-region source line col)))
          (push (flymake-make-diagnostic source (car region) (cdr region)
                                         type text)
                found))))
    (nreverse found)))

(defvar-local jobuild--process nil)

(defun jobuild-flymake (report &rest _)
  "Flymake backend: call REPORT with what jobuild lint says."
  (when (process-live-p jobuild--process)
    (kill-process jobuild--process))
  (unless (executable-find "jobuild")
    (error "No jobuild in PATH"))
  (let ((source (current-buffer))
        (default-directory (or (jobuild--top)
                               (error "Not in a git repository"))))
    (setq jobuild--process
          (make-process
           :name "jobuild-flymake" :noquery t :connection-type 'pipe
           :buffer (generate-new-buffer " *jobuild-flymake*")
           :command (list "jobuild" "--color" "never" "-q" "lint"
                          (jobuild--package))
           :sentinel
           (lambda (process _event)
             (when (memq (process-status process) '(exit signal))
               (unwind-protect
                   (when (and (buffer-live-p source)
                              (eq process (buffer-local-value
                                           'jobuild--process source)))
                     (funcall report
                              (jobuild--diagnostics
                               source (process-buffer process))))
                 (kill-buffer (process-buffer process)))))))))

;;;###autoload
(define-derived-mode jobuild-mode sh-mode "Jobuild"
  "Recipes of AutotuA, see jobuild(5)."
  (sh-set-shell "bash" nil nil)
  (font-lock-add-keywords nil jobuild-font-lock-keywords)
  (setq-local indent-tabs-mode t
              tab-width 8
              sh-basic-offset 8)
  (add-hook 'flymake-diagnostic-functions #'jobuild-flymake nil t))

(define-key jobuild-mode-map (kbd "C-c C-l") #'jobuild-lint)

;;;###autoload
(add-to-list 'auto-mode-alist
             '("\\.jobuild\\'\\|-[0-9]+\\.[0-9]+\\.template\\'" . jobuild-mode))

(provide 'jobuild-mode)
;;; jobuild-mode.el ends here
