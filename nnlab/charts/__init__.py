"""Charts: pure functions to Vega-Lite specs, built once with Altair and cached. Rows are passed separately.

A chart function returns the same bytes for the same arguments, so that `st.vega_lite_chart(rows, curves("loss"))` only
swaps rows in the browser while a run ticks. Each chart has a function that makes its rows.
"""
