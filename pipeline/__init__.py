"""pricecast: daily LSTM price forecasts in a SQL table, with a verdict on whether they are worth anything.

The data's way, one module a stage:

    ask -> sources/ -> validate -> reconcile, jumps -> store/ ->
    assign, adjust, features -> difference -> scale -> window ->
    models/, networks/, train -> walk_forward, forecast, combine, intervals -> store/ -> score, metrics ->
    lag/ -> report

`daily` puts the stages in order, `workers` train side by side; `cli` and the `flows` package call `daily`.
`replay` makes an old run again.
Imports go one way: types, errors <- settings <- stages, sources, models, store <- daily <- cli, flows
<- deployments.
"""

__version__ = "0.1.0"
