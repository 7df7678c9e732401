# SPDX-License-Identifier: Apache-2.0
"""What tests/bench/run is made of: machine runs guests, report says what they cost; each other
module measures one group of figures."""
