import QtQuick
import QtQuick.Layouts
import "../controls"

// What became of a setting: why it cannot be so, or whether it is in force.
ColumnLayout {
    id: outcome
    required property string key
    readonly property string error: configView.now.errors[key] || ""
    readonly property string saved: configView.now.saved[key] || (configView.now.waiting.indexOf(key) >= 0 ? "restart" : "")
    visible: error !== "" || saved !== ""
    spacing: 8
    Paragraph {
        objectName: "error-" + outcome.key
        visible: outcome.error !== ""
        text: outcome.error
        color: Theme.c.bad
        Layout.fillWidth: true
        Accessible.role: Accessible.AlertMessage
    }
    Paragraph {
        objectName: "saved-" + outcome.key
        visible: outcome.saved !== ""
        text: outcome.saved === "now" ? qsTr("Saved, and in force now.") : qsTr("Saved, and in force after a restart. The window stays open.")
        color: outcome.saved === "now" ? Theme.c.good : Theme.c.warn
        Layout.fillWidth: true
        Accessible.role: Accessible.AlertMessage
    }
    PushButton {
        objectName: "restart-" + outcome.key
        visible: outcome.saved === "restart"
        enabled: startView.now.phase !== "opening"
        text: startView.now.phase === "opening" ? qsTr("Restarting…") : qsTr("Restart now")
        onClicked: configView.restart()
    }
}
