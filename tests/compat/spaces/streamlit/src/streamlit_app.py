import time

import streamlit as st

st.title("Streamlit")
number = st.slider("Number", 0, 100, 20)
st.write(f"Twice {number} is {number * 2}")
if st.button("Count"):
    place = st.empty()
    for step in (1, 2, 3):
        place.write(f"{step} of 3")
        time.sleep(0.7)
file = st.file_uploader("File")
if file:
    st.write(f"{file.size} bytes")
