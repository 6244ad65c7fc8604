#!/usr/bin/env python3
"""Makes nisar*.h5: the layout of NISAR RSLC (JPL D-102268) on 4 lines x 5 samples. Needs h5py and numpy.

nisar.h5            LSAR, frequency A (HH, HV in float16) and B (HH in float32), with valid samples and specification 1.1.0
nisar-two-bands.h5  LSAR and SSAR, each with frequency A, HH
nisar-integers.h5   complex samples of int16
nisar-gcov.h5       a GCOV product
nisar-fill.h5       LSAR, frequency A, HH: _FillValue 20 + 0i, which is (line 0, sample 2), and a mask of 0, 1, 2 and 255
nisar-gslc.h5       a GSLC product on a grid of 20 x 10 m in UTM zone 11, with a mask and a fill value of NaN
nisar-layouts.h5    the same samples as float16 chunks with deflate and shuffle (A/HH), big-endian (A/HV), imaginary part
                    first (A/VH), contiguous float64 (A/VV)
Samples are (line + 10 sample, -line) times 1 for A/HH, 2 for A/HV, 3 for B/HH, 4 for SSAR A/HH.
"""
import os

import h5py
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))


def samples(factor, kind):
    pixels = np.empty((4, 5), [("r", kind), ("i", kind)])
    line, sample = np.mgrid[:4, :5]
    pixels["r"], pixels["i"] = factor * (line + 10 * sample), -factor * line
    return pixels


def write(name, bands, product="RSLC", version="1.1.0"):
    with h5py.File(os.path.join(here, name), "w", track_order=False) as file:
        for band, images in bands.items():
            root = file.create_group(f"science/{band}")
            root["identification/missionId"] = np.bytes_("NISAR")
            root["identification/productType"] = np.bytes_(product)
            root["identification/productSpecificationVersion"] = np.bytes_(version)
            for (frequency, polarisation), pixels in images.items():
                swath = root.require_group(f"{product}/swaths/frequency{frequency}")
                swath[polarisation] = pixels
                if "processedCenterFrequency" in swath:
                    continue
                swath["processedCenterFrequency"] = {"LSAR": {"A": 1.257e9, "B": 1.2935e9}, "SSAR": {"A": 3.2e9}}[band][frequency]
                swath["slantRangeSpacing"] = {"A": 6.25, "B": 25.0}[frequency]
                swath["numberOfSubSwaths"] = np.uint8(1)
                # The first sample is not valid, in line 0 the last neither.
                swath["validSamplesSubSwath1"] = np.array([[1, 4], [1, 5], [1, 5], [1, 5]], np.uint32)


write("nisar.h5", {"LSAR": {("A", "HH"): samples(1, "f2"), ("A", "HV"): samples(2, "f2"), ("B", "HH"): samples(3, "f4")}})
write("nisar-two-bands.h5", {"LSAR": {("A", "HH"): samples(1, "f4")}, "SSAR": {("A", "HH"): samples(4, "f4")}})
write("nisar-integers.h5", {"LSAR": {("A", "HH"): samples(1, "i2")}})
write("nisar-gcov.h5", {"LSAR": {("A", "HHHH"): samples(1, "f4")}}, product="GCOV")

# Line 1 begins with a gap between sub-swaths, line 3 ends outside of the scene.
mask = np.array([[1, 1, 1, 1, 1], [0, 1, 1, 2, 2], [1, 1, 1, 2, 2], [1, 1, 1, 2, 255]], np.uint8)

with h5py.File(os.path.join(here, "nisar-fill.h5"), "w") as file:
    swath = file.create_group("science/LSAR/RSLC/swaths/frequencyA")
    swath["HH"] = samples(1, "f4")
    swath["HH"].attrs["_FillValue"] = np.complex64(20)
    swath["mask"] = mask

with h5py.File(os.path.join(here, "nisar-gslc.h5"), "w") as file:
    file["science/LSAR/identification/productType"] = np.bytes_("GSLC")
    file["science/LSAR/identification/productSpecificationVersion"] = np.bytes_("1.2.1")
    grid = file.create_group("science/LSAR/GSLC/grids/frequencyA")
    pixels = samples(1, "f4")
    pixels[2, 4] = (np.nan, np.nan)
    grid["HH"] = pixels
    grid["HH"].attrs["_FillValue"] = np.complex64(complex(np.nan, np.nan))
    grid["mask"] = mask
    grid["centerFrequency"] = 1.257e9
    grid["xCoordinates"], grid["yCoordinates"] = 500010.0 + 20 * np.arange(5), 3999995.0 - 10 * np.arange(4)
    grid["projection"] = np.uint32(32611)
    grid["projection"].attrs["spatial_ref"] = np.bytes_('PROJCS["WGS 84 / UTM zone 11N"]')

with h5py.File(os.path.join(here, "nisar-layouts.h5"), "w") as file:
    swath = file.create_group("science/LSAR/RSLC/swaths/frequencyA")
    swath.create_dataset("HH", data=samples(1, "f2"), chunks=(3, 2), compression="gzip", shuffle=True)
    swath["HV"] = samples(1, ">f4")
    swapped = np.empty((4, 5), [("imag", "f4"), ("real", "f4")])
    swapped["real"], swapped["imag"] = samples(1, "f4")["r"], samples(1, "f4")["i"]
    swath["VH"] = swapped
    swath["VV"] = samples(1, "f8")
