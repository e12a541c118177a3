"""The config file with every setting at its default, as printed for people to start from."""

from __future__ import annotations

TEMPLATE = """\
# mexc-tui settings. Every value below is the default; delete what you do not change.
# Keys are never read from this file: `mexc-tui keys add`, or MEXC_API_KEY and MEXC_SECRET_KEY in the environment.

[venue]
base_url = "https://api.mexc.com"
ws_url = "wss://wbs-api.mexc.com/ws"
depth_speed = "100ms"           # "10ms": ten times the frames

[account]
currency = "USDT"               # holdings are valued in it; flattening sells into it

[ui]
theme = "dark"
# fps = 20                      # unset: 20, or 10 over SSH
symbol = "BTCUSDT"
interval = "1m"                 # 1m 5m 15m 30m 60m 4h 8h 1d 1W 1M
watchlist = []                  # empty: all pairs of a small exchange, the well-known ones of a large one
sizes = [50, 100, 250, 500, 1000]  # order sizes of the keys 1 to 5, in quote
ascii_only = false              # true: bars and glyphs in ASCII, as always on the Linux console
instant = false                 # true: one key sends; false: a ghost order first, Enter sends it

[desk]                          # the desk goes on when its screen is closed or lost
on_quit = "ask"                 # "keep" or "stop": what becomes of it when you leave its only screen

[guard]                         # a second process that acts when the desk is gone or frozen; not for paper money
# plan = "off"                  # "cancel entries": cancel its buys, keep its sells; "flatten": cancel both and sell;
                                # unset is off too, but a live desk wants it to be said
after_s = 20                    # seconds without a sign of life of the desk
collar = 0.05                   # how far below the best bid "flatten" may sell

[alerts]                        # set with `:alert` or `mexc-tui alert`; they ring with or without a screen
bell = true                     # screens ring the terminal's bell
command = []                    # a program and its arguments, run with the text as one more: ["notify-send", "mexc"]
# webhook = "https://…"         # gets {"text": …, "symbol": …, "time_ms": …} by POST

[vault]                         # API keys of named accounts: `mexc-tui keys`
keyring = false                 # true: the system's keyring keeps the passphrase (pip install mexc-tui[keyring])

[paper]                         # paper trading on MEXC's public market
# delay_ms = 80                 # median delay of orders; unset: the measured round trip
# maker_fee = 0.0               # fractions; unset: what MEXC lists for the pair
# taker_fee = 0.0005

[limits]                        # money in the account's currency, fractions (0.01 is 1 %), times in milliseconds;
                                # a live desk has smaller ones than these where nothing is set (README, Safety)
max_order_value = 2500          # largest value of one order
confirm_order_value = 2000      # ask first from here: Enter twice, "yes" or --yes; never asked of what reduces
confirm_slippage = 0.003        # the same for estimated slippage
confirm_usual_times = 10        # the same for so many times the median value of your latest orders
confirm_share = 1               # the same for one asset's share of all you hold; 1 never asks
max_position_value = 10000      # largest holding of one asset over all pairs, as if every working order had filled
max_gross_exposure = 25000      # the same of all assets together that are not cash
max_day_loss = 1000             # loss of the UTC day from which only what reduces is taken; 0: no limit
max_drawdown = 1000             # the same for the fall from the day's highest result
max_day_exposure = 0            # largest sum of the orders of a UTC day that do not reduce, filled or not; 0: no limit
reducing_cancels = false        # true: reaching either also cancels buys that work, and sells into what is not cash
cooldown_losses = 10            # so many losing sales in a row within an hour pause new exposure; 0: never
cooldown_ms = 60000             # the first pause; each further loss doubles it, to 16 times at most
cash = []                       # assets that count as cash beside the account's currency, such as "USDC"
max_price_age_ms = 90000        # age of the price by which a pair's quote asset is counted in the account's currency
max_open_orders = 50
collar_far = 0.01               # how far through the far touch a price may go
collar_near = 0.5               # how far away from the near touch a price may stand
collar_reference = 0.6          # how far a price may differ from the mid (or the last trade)
flatten_collar = 0.05           # how far through the touch a flattening order may go
max_slippage = 0.005            # largest estimated slippage of the part that takes
duplicate_window_ms = 1000
duplicate_max = 1               # identical orders allowed within the window
orders_per_second = 5
max_in_flight = 5               # sent and not yet acknowledged
max_book_age_ms = 5000
max_spread = 0.1                # distance of best bid and ask above which no new exposure is taken
max_seen_age_ms = 5000          # age of the book on the screen when the order was sent
seen_tolerance = 0.003          # how far the touch may have moved since that frame
denied_symbols = []
allowed_symbols = []            # empty: every symbol that is not denied
deny_flagged = true             # refuse to buy pairs with MEXC's special-treatment flag
idle_lock_minutes = 60          # lock the ticket after this long without a command; 0 never does
repeated_entries = 60           # so many orders of one script or algorithm that do not reduce, within the window below,
repeated_fills = 20             # or so many of them on one side of one pair that fill: it may only reduce until a
repeated_window_ms = 60000      # person types "release NAME" on a screen; 0: never
breaker_move = 0.1              # a pair that moves so far within the window below is closed to scripts and algorithms
breaker_window_ms = 60000       # until a person releases it likewise; 0: never. Both let pass what reduces
listing_hours = 24              # for so long after its opening a pair is new: every buy is asked about first,
listing_max_value = 250         # and no more of it is held than this; 0 hours: no pair is new
loosening_delay_minutes = 10    # `mexc-tui limits set` and `:limit` tighten at once; what they loosen waits so long

[limits.ceilings]               # how far they may loosen a limit; one not named here no further than this file
# max_order_value = 5000
# "max_asset_value.BTC" = 8000

[limits.max_order_qty]          # largest quantity of one order in base, by symbol
# BTCUSDT = 0.05

[limits.max_pair_order_value]   # largest value of one order by symbol, where it is below max_order_value
# BTCUSDT = 1000

[limits.max_asset_value]        # largest holding by asset, where it is below max_position_value
# BTC = 5000

[limits.owner]                  # own limits of an owner, beside the account's; [limits.owner.script] is the command
                                # line and every other client that is no screen, [limits.owner.NAME] an algorithm of
                                # that name, [limits.owner.person] everybody at a screen; 0 refuses all but reducing
# [limits.owner.script]
# max_order_value = 100         # of one order
# orders_per_second = 1
# max_open_orders = 3
# max_day_exposure = 500        # sum of its orders of a UTC day that do not reduce
# max_added_value = 300         # of what it has bought and not sold, as if every buy of its that works had filled

[keys]                          # action = "keys", several separated by commas; `?` in the cockpit lists the actions
# halt = "!"
"""
