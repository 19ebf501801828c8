import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts

// The steps of the start, as they happen.
ColumnLayout {
    id: steps
    spacing: 6
    function words(step) {
        return ({
            network_detected: qsTr("Looked for networks"),
            listening: qsTr("Listening"),
            bootstrap_connecting: qsTr("Connecting to known peers"),
            bootstrap_connected: qsTr("Connected to known peers"),
            relays_discovering: qsTr("Looking for relays"),
            relays_discovered: qsTr("Found relays"),
            relay_probed: qsTr("Tried a relay"),
            relay_selected: qsTr("Chose a relay"),
            keys_fetching: qsTr("Publishing our keys"),
            keys_ready: qsTr("Keys are ready"),
            ready: qsTr("Ready")
        })[step] || step
    }
    Repeater {
        model: startView.now.steps
        RowLayout {
            required property var modelData
            required property int index
            readonly property bool isLast: index === startView.now.steps.length - 1
            readonly property bool isDone: !isLast || modelData.step === "ready"
            Layout.fillWidth: true
            spacing: 8
            IconButton {
                enabled: false
                sign: parent.isDone ? "check" : "clock"
                icon.color: parent.isDone ? Theme.c.good : Theme.c.faint
                size: Theme.px(20)
                icon.width: Theme.px(16)
                icon.height: Theme.px(16)
                Accessible.ignored: true
            }
            Words { text: steps.words(modelData.step) }
            Words { text: modelData.detail; color: Theme.c.faint; font.pixelSize: Theme.small; elide: Text.ElideMiddle; Layout.fillWidth: true; horizontalAlignment: Text.AlignRight }
        }
    }
}
