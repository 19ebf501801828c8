pragma Singleton
import QtQuick

// Colours and measures of everything that is drawn. Colours come from theme.py, where a test counts
// their contrast; lengths follow the scale of the text.
QtObject {
    readonly property var c: app.prefs.now.colors
    readonly property var avatars: app.prefs.now.avatars
    readonly property var names: app.prefs.now.names
    readonly property bool dark: app.prefs.now.isDark
    readonly property real scale: app.prefs.now.scale
    readonly property int small: px(12)
    readonly property int normal: px(14)
    readonly property int large: px(17)
    readonly property int huge: px(26)
    readonly property int gap: 12
    readonly property int radius: 12

    function px(size) { return Math.round(size * scale) }
    function icon(name) { return Qt.resolvedUrl("../../resources/icons/" + name + ".svg") }
}
