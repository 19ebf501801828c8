import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// A setting that is a list: its entries, a line for another one, and what became of it.
Card {
    id: card
    required property string key
    property string none
    property string about
    property string example
    readonly property var entries: configView.now.lists[key]
    readonly property bool isWritten: configView.now.written.indexOf(key) >= 0
    property bool hasDefault: false

    Words { visible: card.entries.length === 0; text: card.none; color: Theme.c.faint; wrapMode: Text.Wrap; Layout.fillWidth: true }
    Repeater {
        model: card.entries
        RowLayout {
            id: entry
            required property string modelData
            required property int index
            Layout.fillWidth: true
            spacing: 6
            Rectangle {
                Layout.fillWidth: true
                implicitHeight: Math.max(Theme.px(40), address.implicitHeight + 18)
                radius: 10
                color: Theme.c.raised
                Words {
                    id: address
                    objectName: "entry-" + card.key + "-" + entry.index
                    x: 12
                    width: parent.width - 24
                    anchors.verticalCenter: parent.verticalCenter
                    text: entry.modelData
                    wrapMode: Text.WrapAnywhere
                    font.family: "monospace"
                    font.pixelSize: Theme.small
                }
            }
            IconButton {
                objectName: "remove-" + card.key + "-" + entry.index
                sign: "trash"
                text: qsTr("Remove %1").arg(entry.modelData)
                enabled: !configView.now.isBusy
                onClicked: { field.forceActiveFocus(); configView.remove(card.key, entry.index) }
            }
        }
    }
    RowLayout {
        Layout.fillWidth: true
        spacing: 8
        Field {
            id: field
            objectName: "add-" + card.key
            Layout.fillWidth: true
            placeholderText: card.example
            Accessible.name: card.about
            onAccepted: button.clicked()
        }
        PushButton {
            id: button
            objectName: "doAdd-" + card.key
            text: qsTr("Add")
            enabled: field.text.trim() !== "" && !configView.now.isBusy
            onClicked: if (enabled) configView.add(card.key, field.text)
        }
    }
    ConfigOutcome { key: card.key; Layout.fillWidth: true }
    PushButton {
        objectName: "default-" + card.key
        visible: card.hasDefault && card.isWritten
        enabled: !configView.now.isBusy
        text: qsTr("Back to the default")
        onClicked: configView.restore(card.key)
    }
    Connections {
        target: configView
        function onAccepted(key) { if (key === card.key) field.clear() }
    }
}
