"""The config file with every setting at its default, as printed for people to start from."""

from __future__ import annotations

TEMPLATE = """\
# mexc-tui settings. Every value below is the default; delete what you do not change.
# Keys are never read from this file: set MEXC_API_KEY and MEXC_SECRET_KEY in the environment.

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

[paper]                         # paper trading on MEXC's public market
# delay_ms = 80                 # median delay of orders; unset: the measured round trip
# maker_fee = 0.0               # fractions; unset: what MEXC lists for the pair
# taker_fee = 0.0005

[limits]                        # money in quote, shares as fractions (0.01 is 1 %), times in milliseconds
max_order_value = 2500          # largest notional of one order
max_position_value = 10000      # largest holding of one symbol, counted as if every working buy had filled
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
max_seen_age_ms = 5000          # age of the book on the screen when the order was sent
seen_tolerance = 0.003          # how far the touch may have moved since that frame
denied_symbols = []
allowed_symbols = []            # empty: every symbol that is not denied
deny_flagged = true             # refuse to buy pairs with MEXC's special-treatment flag
idle_lock_minutes = 60          # lock the ticket after this long without a command; 0 never does

[limits.max_order_qty]          # largest quantity of one order in base, by symbol
# BTCUSDT = 0.05

[keys]                          # action = "keys", several separated by commas; `?` in the cockpit lists the actions
# halt = "!"
"""
