pragma Singleton
import QtQuick

// Times as people say them, in the language of the window.
QtObject {
    readonly property var locale: Qt.locale(app.prefs.now.spoken === "zh" ? "zh_CN" : "en_GB")

    function time(ms) { return ms > 0 ? new Date(ms).toLocaleTimeString(locale, "HH:mm") : "" }

    // For a list: the time of today, the day of this week, else the date.
    function brief(ms) {
        if (!(ms > 0))
            return ""
        const then = new Date(ms), days = daysAgo(then)
        if (days === 0)
            return time(ms)
        if (days > 0 && days < 7)
            return then.toLocaleDateString(locale, "ddd")
        return then.toLocaleDateString(locale, Locale.ShortFormat)
    }

    function full(ms) {
        return ms > 0 ? new Date(ms).toLocaleString(locale, Locale.ShortFormat) : ""
    }

    // "2026-11-23" as a separator of days.
    function day(iso) {
        const parts = iso.split("-"), then = new Date(parts[0], parts[1] - 1, parts[2])
        const days = daysAgo(then)
        if (days === 0)
            return qsTr("Today")
        if (days === 1)
            return qsTr("Yesterday")
        const sameYear = then.getFullYear() === new Date().getFullYear()
        if (app.prefs.now.spoken === "zh")
            return then.toLocaleDateString(locale, sameYear ? "M月d日" : "yyyy年M月d日")
        return then.toLocaleDateString(locale, sameYear ? "d MMMM" : "d MMMM yyyy")
    }

    function daysAgo(then) {
        const now = new Date()
        const a = new Date(now.getFullYear(), now.getMonth(), now.getDate())
        const b = new Date(then.getFullYear(), then.getMonth(), then.getDate())
        return Math.round((a - b) / 86400000)
    }
}
