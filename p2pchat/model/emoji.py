"""The 64 pictures that two people compare: those of Matrix, which are easily told apart."""

from __future__ import annotations

__all__ = ["EMOJI"]

_ROWS = """
🐶 🐱 🦁 🐎 🦄 🐷 🐘 🐰 🐼 🐓 🐧 🐢 🐟 🐙 🦋 🌷
🌳 🌵 🍄 🌏 🌙 ☁️ 🔥 🍌 🍎 🍓 🌽 🍕 🎂 ❤️ 😀 🤖
🎩 👓 🔧 🎅 👍 ☂️ ⌛ ⏰ 🎁 💡 📕 ✏️ 📎 ✂️ 🔒 🔑
🔨 ☎️ 🏁 🚂 🚲 ✈️ 🚀 🏆 ⚽ 🎸 🎺 🔔 ⚓ 🎧 📁 📌
"""

EMOJI: tuple[str, ...] = tuple(_ROWS.split())
"""By their number (Matrix specification, client-server API, "SAS method: emoji")."""
