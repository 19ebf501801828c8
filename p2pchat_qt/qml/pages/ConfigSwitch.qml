import QtQuick
import QtQuick.Layouts
import "../controls"

// A setting that is on or off, and what became of it.
ColumnLayout {
    id: setting
    required property string key
    property alias text: toggle.text
    spacing: 8
    function show() { toggle.checked = Qt.binding(() => configView.now.switches[setting.key]) }
    Component.onCompleted: show()
    Toggle {
        id: toggle
        objectName: "switch-" + setting.key
        Layout.fillWidth: true
        onToggled: configView.turn(setting.key, checked)
    }
    ConfigOutcome { key: setting.key; Layout.fillWidth: true }
    Connections {
        target: configView
        function onAccepted(key) { if (key === setting.key) setting.show() }
        function onRefused(key) { if (key === setting.key) setting.show() }
    }
}
