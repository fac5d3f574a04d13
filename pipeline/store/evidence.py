"""The columns of a verdict's evidence, with what each holds."""

EVIDENCE = {
    "skill": "1 - MSE / MSE of persistence, of log changes in units of the volatility known at the origin, "
    "without the forecasts' constant drift; above 0 beats the last price",
    "skill_low": "Lower end of the 95% confidence interval of skill",
    "skill_high": "Upper end of the 95% confidence interval of skill",
    "skill_as_issued": "The same skill with the forecasts' drift left in",
    "size": "Size of the predicted changes relative to the actual moves (root mean squares)",
    "slope": "Mincer-Zarnowitz slope: the best factor for the predicted changes; above 0.5 beats persistence",
    "p_skill": "p-value of the null hypothesis that the predicted changes say nothing about the moves, also "
    "after removing the market's mean return; small means informative",
    "p_skill_adjusted": "p-value of the null hypothesis that p_skill tests, adjusted (Benjamini-Hochberg) "
    "for all series judged together at this horizon; small means informative",
    "p_anti": "p-value of the null hypothesis that the moves do not go against the predicted changes; "
    "small means that they do",
    "p_shape": "p-value of the null hypothesis that the forecasts are not a filter (weighted sum) of prices "
    "already known; small means that they are",
    "p_no_skill": "p-value of the null hypothesis that the skill is 2% or more; small means that such a "
    "skill is excluded",
    "p_echo": "p-value of the null hypothesis that the forecasts are no echo, the larger of p_shape and "
    "p_no_skill; small means ECHO",
    "p_worse": "p-value of the null hypothesis that the forecasts, as issued, are no worse than repeating "
    "the last price; small means worse",
    "p_better": "p-value of the null hypothesis that the forecasts, as issued, are no better than repeating "
    "the last price; small means better",
    "dm_p_value": "p-value of the null hypothesis that the forecasts are no better than persistence "
    "(classical Diebold-Mariano test, which no verdict uses); small means better",
    "hit_rate": "Share of moves whose direction was forecast correctly",
    "p_direction": "p-value of the null hypothesis that predicted and actual directions are independent "
    "(Pesaran-Timmermann); small means that they agree",
    "distance": "Distance from the nearest naive rule, in typical moves; below 0.02 it is a copy",
    "tracking": "Weight of the price level in the forecasts: 1 if they follow the price, 0 if they ignore it",
    "mean_lag_sessions": "Mean age of the prices in the forecasts, in sessions; 0 is the last price",
    "filter_r2": "Adjusted R2 of the predicted changes on prices already known; may be below 0",
    "power": "Probability of detecting a skill of 2%, if the series were judged alone",
    "min_detectable_r2": "R2 detected with a probability of 80%, if the series were judged alone",
    "e_value": "Evidence of skill since the first forecast (e-process): chance reaches 20 in 5% of cases at "
    "most, however often one looks, if returns are symmetric",
}
"""The numeric columns of a verdict: the figures of `types.Evidence` and the adjusted p-value."""
