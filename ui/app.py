"""The entry script, which Streamlit runs for every visit: who is there, and which page."""

import streamlit as st

from ui import pages, reception

st.set_page_config(page_title="Review", page_icon="✅", layout="wide", initial_sidebar_state="collapsed")
if reviewer := reception.who():
    pages.show(reviewer)
else:
    reception.ask()
