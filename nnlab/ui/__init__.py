"""The only part of nnlab that knows Streamlit: frame, forms, live parts, languages."""
