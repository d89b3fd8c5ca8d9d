# Fits every model listed in <folder>/cases.csv with lme4 and writes what it found beside the data.
# Columns of cases.csv: name, formula, reml (TRUE/FALSE), weights (a column, or empty), groups (grouping columns, space-separated).
suppressPackageStartupMessages(library(lme4))
folder <- commandArgs(TRUE)[1]
cases <- read.csv(file.path(folder, "cases.csv"), stringsAsFactors = FALSE)
# to the last digit: the search stops when theta moves by less than 1e-9
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 20000), calc.derivs = FALSE,
                       check.conv.singular = "ignore", check.rankX = "silent.drop.cols")
put <- function(rows, case, what) write.csv(rows, file.path(folder, paste0(case$name, ".", what, ".csv")), row.names = FALSE)
for (i in seq_len(nrow(cases))) {
  case <- cases[i, ]
  rows <- read.csv(file.path(folder, case$data), stringsAsFactors = FALSE)
  for (group in strsplit(case$groups, " ")[[1]]) rows[[group]] <- factor(rows[[group]])
  given <- if (is.na(case$weights) || case$weights == "") NULL else rows[[case$weights]]
  rows$given <- if (is.null(given)) 1 else given
  started <- proc.time()[["elapsed"]]
  fit <- if (is.null(given)) lmer(as.formula(case$formula), rows, REML = case$reml, control = control) else
    lmer(as.formula(case$formula), rows, REML = case$reml, weights = given, control = control)
  seconds <- proc.time()[["elapsed"]] - started
  put(data.frame(effect = names(fixef(fit)), estimate = unname(fixef(fit)), standard_error = sqrt(diag(as.matrix(vcov(fit))))), case, "fixed")
  parts <- as.data.frame(VarCorr(fit))
  put(data.frame(group = parts$grp, effect = parts$var1, with_effect = parts$var2, value = parts$vcov), case, "components")
  put(data.frame(log_likelihood = as.numeric(logLik(fit)), aic = AIC(fit), bic = BIC(fit), n = nobs(fit), singular = isSingular(fit),
                 seconds = seconds), case, "fit")
  modes <- ranef(fit, condVar = TRUE)
  for (group in names(modes)) {
    found <- modes[[group]]
    spread <- attr(found, "postVar")
    columns <- data.frame(level = rownames(found))
    for (k in seq_along(names(found))) {
      columns[[paste0("effect_", k)]] <- found[[k]]
      columns[[paste0("sd_", k)]] <- sqrt(spread[k, k, ])
      for (j in seq_len(k - 1)) columns[[paste0("covariance_", j, "_", k)]] <- spread[j, k, ]
    }
    put(columns, case, paste0("levels.", group))
  }
  cat(case$name, seconds, proc.time()[["elapsed"]] - started, "\n")
  put(data.frame(prediction = unname(fitted(fit))), case, "fitted")
}
